"""Imports: products and movements from CSV and XLSX files."""
