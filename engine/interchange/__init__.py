"""Takes into other programs' files, and their scores into ours."""
