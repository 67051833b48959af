"""The API as values: requests, responses, operations, decoding. No I/O and no clock."""
