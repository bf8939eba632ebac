"""Live lines: takes the media streams of calls in progress, and tells programs and a page what is heard on them."""
