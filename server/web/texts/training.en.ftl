training-banner = TRAINING – not real patients
training-name = Training server
audited-training-begun = Training database taken into use
