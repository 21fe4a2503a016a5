"""Files from the network: fetched, checked, unpacked."""
