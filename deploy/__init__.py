"""How EstateLoop is put on machines."""
