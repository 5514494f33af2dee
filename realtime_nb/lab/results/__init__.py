"""What a sweep's rows say: tables, comparisons, figures, exports, and the winner as code."""
