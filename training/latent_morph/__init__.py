"""Cross-modal variational autoencoders: instrument sound and labels meet in one latent space."""
