"""Judge: a page of blind pairs for human eyes, and what the votes come to. Who is who stays in the store."""
