"""Bills as people see them: lists with what is outstanding, and the explanation of one bill (B1, B3)."""
