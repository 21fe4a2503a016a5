"""Everything from one file: data, training, scores, predictions, and a page that shows them."""
