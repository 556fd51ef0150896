"""Style sheets, scripts and icons: collected from wheels at installation, and served under names with their hash."""
