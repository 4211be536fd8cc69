// What stands behind # never reaches a server: the form says where on the page somebody wants to be.

for (const { elements } of document.forms) elements.place.value = location.hash || elements.place.value;
