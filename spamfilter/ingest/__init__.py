"""Files and tables through the spam filter; needs the extra ``spamfilter[ingest]``."""

from spamfilter.ingest.arrow import annotate, annotated_schema, annotation_type

__all__ = ["annotate", "annotated_schema", "annotation_type"]
