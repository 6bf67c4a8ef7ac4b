"""What the engine told, kept for the window: plain models that know nothing of Qt."""
