"""Work orders (G): from the request to the confirmed result, with clocks. Its own process and database."""
