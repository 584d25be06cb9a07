"""PagerDuty: the Events API v2, through PagerDuty's own client."""
