"""The lab: experiments that compare settings on the same recorded speech."""
