"""What goes in and out over HTTP, with examples; requests refuse fields they do not know."""
