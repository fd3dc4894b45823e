"""Stock: the append-only ledger, its levels and the documents that move goods."""
