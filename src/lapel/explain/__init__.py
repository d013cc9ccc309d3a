"""Why this result: heat maps on photos, and contact sheets of queries and hits."""
