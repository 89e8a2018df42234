"""An app for the processes under test; its functions tell where they run and when they wait."""
