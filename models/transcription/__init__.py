"""Sound to notes: the network that reads spectra, in numpy."""
