"""Worker programs written with the published SDKs, and the recorder of their frames."""
