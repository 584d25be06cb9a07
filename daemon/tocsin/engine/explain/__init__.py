"""Why somebody was, or was not, paged: the whole way of an alert or an incident, told without changing anything."""
