"""XML as the formats write it: any text is data, and what XML cannot hold becomes visible."""

import re
from xml.etree import ElementTree

# Extensible Markup Language (XML) 1.0, section 2.2, "Characters".
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def data(text: str) -> str:
    """The text with a replacement character (U+FFFD) for each that XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def document_bytes(root: ElementTree.Element) -> bytes:
    """A document, indented for people."""
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"
