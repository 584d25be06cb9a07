"""Floor 4: execution of decisions: transactions, timers, delivery."""
