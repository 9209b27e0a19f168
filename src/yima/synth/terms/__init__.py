"""Code tables of the stories: one small table per vocabulary, Chinese and English.

Only codes that the stories use are here; a code without an entry is a KeyError at once.
"""
