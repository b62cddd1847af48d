if (import.meta.main) console.log("segue 0.1.0");
