"""The Chinese national electronic health card: everything in the platform that knows its ids, texts and tables.

`ids` (card ids and keys), `qr` (the text of a code), `token` (what binds a dynamic code together), `envelope` (how
hospitals' calls are signed and enciphered), `tables` (dialects) are pure; `cards` keeps which card id is whose.
"""
