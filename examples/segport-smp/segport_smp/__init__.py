"""The models of segmentation_models_pytorch in segport. ``plugin`` offers them."""
