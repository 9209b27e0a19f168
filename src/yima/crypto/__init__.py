"""The two cryptographic families, `INTL` and `SM`, behind one face. Pure: keys and randomness come in as arguments."""
