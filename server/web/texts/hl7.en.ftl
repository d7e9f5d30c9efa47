# What comes in over HL7 version 2, as the page of incoming items names it.
incoming-kind-rde-o11 = Medication order (RDE^O11)
incoming-kind-rde-o01 = Medication order (RDE^O01)
incoming-kind-omp-o09 = Medication order (OMP^O09)
incoming-kind-orm-o01 = Medication order (ORM^O01)
incoming-kind-adt-a01 = Admission (ADT^A01)
incoming-kind-adt-a02 = Transfer (ADT^A02)
incoming-kind-adt-a03 = Discharge (ADT^A03)
incoming-kind-adt-a08 = Patient update (ADT^A08)
incoming-kind-adt-a11 = Admission cancelled (ADT^A11)
incoming-kind-adt-a13 = Discharge cancelled (ADT^A13)
incoming-kind-adt-a40 = Merge of records (ADT^A40)
incoming-kind-oru-r01 = Results (ORU^R01)
incoming-part-listener = listener
