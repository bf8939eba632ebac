"""What each command of the command line puts together."""
