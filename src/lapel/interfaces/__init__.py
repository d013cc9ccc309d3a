"""How people reach Lapel: the command line now; HTTP and the search page have their place here."""
