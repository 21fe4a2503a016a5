"""Images and masks in files: decoding, readers, augmentation, batches. Pillow decodes, OpenCV moves pixels."""
