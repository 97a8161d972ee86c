"""One file per schema version; merged files never change."""
