"""One folder per resource: its routes, and what goes in and out; requests refuse fields they do not know."""
