"""Call analytics from a timeline alone, with no further model; docs/analytics.md defines every metric."""
