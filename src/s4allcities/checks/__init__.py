"""Generic checks that every plug-in must pass, ours and third parties'."""
