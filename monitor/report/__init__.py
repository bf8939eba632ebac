"""The report of a call: one HTML file that opens from disk and needs no network.

The page's parts are files: `page/` holds its template, style and scripts.
"""
