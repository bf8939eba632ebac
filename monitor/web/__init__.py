"""Common parts of all pages: one file, which loads nothing and runs only its own scripts.

`templates/` holds the document around each page's content, and the styles and scripts that pages share; `vendor/`
code of others.
"""
