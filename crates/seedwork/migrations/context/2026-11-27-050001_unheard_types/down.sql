DROP TABLE unheard_types;
