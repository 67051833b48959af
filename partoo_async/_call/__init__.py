"""One call from its deadline to its result: settings, quota, attempts, retries, shared reads."""
