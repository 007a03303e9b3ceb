"""Identity, authorisation, signing and ledger proofs."""
