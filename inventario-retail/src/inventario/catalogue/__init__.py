"""Catalogue: products, categories, prices, barcodes, stores."""
