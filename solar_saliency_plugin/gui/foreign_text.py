"""Text that others wrote – titles and summaries of models – where Qt would take it for HTML if it looks like it."""

import html


def as_it_is(text: str) -> str:
    """HTML that shows ``text`` letter by letter, in tooltips and message bars, which guess what they are given."""
    return f"<span>{html.escape(text)}</span>"
