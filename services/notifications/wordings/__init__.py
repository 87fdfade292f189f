"""The words the product ships, one file per code and language, and how they come into the database (F2)."""
