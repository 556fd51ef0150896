"""Programs for those who develop this project. Nothing of it is installed or in the image."""
