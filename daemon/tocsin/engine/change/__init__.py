"""Changes of incidents: the unit of work, the effects, and the judges that let an incident wait."""
