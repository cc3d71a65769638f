DROP TABLE crashes, at_risk, processes;
