# Ce qui arrive par HL7 version 2, comme le nomme la page des données reçues.
incoming-kind-rde-o11 = Prescription (RDE^O11)
incoming-kind-rde-o01 = Prescription (RDE^O01)
incoming-kind-omp-o09 = Prescription (OMP^O09)
incoming-kind-orm-o01 = Prescription (ORM^O01)
incoming-kind-adt-a01 = Admission (ADT^A01)
incoming-kind-adt-a02 = Transfert (ADT^A02)
incoming-kind-adt-a03 = Sortie (ADT^A03)
incoming-kind-adt-a08 = Mise à jour du patient (ADT^A08)
incoming-kind-adt-a11 = Admission annulée (ADT^A11)
incoming-kind-adt-a13 = Sortie annulée (ADT^A13)
incoming-kind-adt-a40 = Fusion de dossiers (ADT^A40)
incoming-kind-oru-r01 = Résultats (ORU^R01)
incoming-part-listener = port d’écoute
