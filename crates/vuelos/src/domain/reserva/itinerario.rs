//! Itinerarios, made of odos, made of segmentos, made of legs. Unparsed (`Itinerario<LegEscrito>`) they may break any rule;
//! parsed, they keep all of them.

use super::{CodigoIata, NombreAeropuerto, Ruta, TipoVuelo, rules::es_codigo_iata};
use chrono::Datelike;
use seedwork::domain::{Timestamp, Violations, to_micros};

/// The most legs of a reserva.
const MAXIMO: usize = 100;

seedwork::refusal! {
    /// A leg that lands where it takes off.
    pub struct RutaInvalida: "ruta-valida", "El destino debe ser distinto del origen";
}

seedwork::refusal! {
    /// A leg that lands before it takes off, or at the same moment.
    pub struct LlegadaNoPosterior: "llegada-posterior", "La llegada debe ser posterior a la salida";
}

seedwork::refusal! {
    /// A leg that does not take off where the last one landed.
    pub struct TramosDesconectados: "tramos-conectados", "El tramo debe salir de donde llegó el anterior";
}

seedwork::refusal! {
    /// A reserva without an itinerario.
    pub struct MinimoUnItinerario: "minimo-un-itinerario", "La reserva debe tener al menos un itinerario";
}

seedwork::refusal! {
    /// A part of an itinerario without a leg.
    pub struct MinimoUnTramo: "minimo-un-tramo", "Cada itinerario, odo y segmento debe tener al menos un tramo";
}

seedwork::refusal! {
    /// Too many legs.
    pub struct MaximoTramos: "maximo-tramos", "La reserva puede tener como máximo 100 tramos";
}

seedwork::refusal! {
    /// A moment that RFC 3339 cannot express.
    pub struct FechaInvalida: "fecha-valida", "La fecha debe ser de los años 0 a 9999";
}

/// One complete way to fly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Itinerario<L = Leg> {
    pub odos: Vec<Odo<L>>,
}

/// One direction, from an origin to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odo<L = Leg> {
    pub segmentos: Vec<Segmento<L>>,
}

/// A part of an odo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmento<L = Leg> {
    pub legs: Vec<L>,
}

/// One take-off and one landing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    pub salida: Timestamp,
    pub llegada: Timestamp,
    pub origen: Aeropuerto,
    pub destino: Aeropuerto,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aeropuerto {
    pub codigo: CodigoIata,
    pub nombre: NombreAeropuerto,
}

/// A leg before it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegEscrito {
    pub salida: Timestamp,
    pub llegada: Timestamp,
    pub origen: AeropuertoEscrito,
    pub destino: AeropuertoEscrito,
}

/// An airport before it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AeropuertoEscrito {
    pub codigo: String,
    pub nombre: String,
}

/// The itinerarios of a reserva: at least one, none of them empty. The first one decides tipo, ruta and departure of the
/// reserva.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Itinerarios {
    todos: Vec<Itinerario>,
    tipo_vuelo: TipoVuelo,
    ruta: Ruta,
    fecha_salida: Timestamp,
}

impl Itinerarios {
    /// Parses itinerarios. The error has every broken rule with its path; if there are too many legs, it has only that.
    pub fn parse(escritos: Vec<Itinerario<LegEscrito>>) -> Result<Self, Violations> {
        let mut found = Violations::collect();
        if escritos.is_empty() {
            found.add("", &MinimoUnItinerario);
        }
        if escritos.iter().map(Itinerario::tramos).sum::<usize>() > MAXIMO {
            found.add("", &MaximoTramos);
            return Err(found);
        }
        let todos = found.each("", escritos, Itinerario::parse);
        found.check(|| todos.and_then(Self::de))
    }

    fn de(todos: Vec<Itinerario>) -> Option<Self> {
        let odos = &todos.first()?.odos;
        let ida = odos.first()?;
        let fecha_salida = ida.segmentos.first()?.legs.first()?.salida;
        let (ruta, tipo_vuelo) = (ida.ruta()?, TipoVuelo::de(odos)?);
        Some(Self { todos, tipo_vuelo, ruta, fecha_salida })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Itinerario> {
        self.todos.iter()
    }

    pub fn tipo_vuelo(&self) -> TipoVuelo {
        self.tipo_vuelo
    }

    pub fn ruta(&self) -> &Ruta {
        &self.ruta
    }

    /// The departure of the first leg.
    pub fn fecha_salida(&self) -> Timestamp {
        self.fecha_salida
    }
}

impl Itinerario<LegEscrito> {
    /// Counts the legs; an empty part counts as one.
    fn tramos(&self) -> usize {
        let of_odo =
            |odo: &Odo<LegEscrito>| odo.segmentos.iter().map(|one| one.legs.len().max(1)).sum::<usize>().max(1);
        self.odos.iter().map(of_odo).sum::<usize>().max(1)
    }

    fn parse(self) -> Result<Itinerario, Violations> {
        Ok(Itinerario { odos: partes("odos", self.odos, Odo::parse)? })
    }
}

impl Odo<LegEscrito> {
    fn parse(self) -> Result<Odo, Violations> {
        Ok(Odo { segmentos: partes("segmentos", self.segmentos, Segmento::parse)? })
    }
}

impl Odo {
    pub(super) fn ruta(&self) -> Option<Ruta> {
        let origen = self.segmentos.first()?.legs.first()?.origen.codigo.clone();
        let destino = self.segmentos.last()?.legs.last()?.destino.codigo.clone();
        Some(Ruta { origen, destino })
    }
}

impl Segmento<LegEscrito> {
    fn parse(self) -> Result<Segmento, Violations> {
        let mut found = Violations::collect();
        if self.legs.is_empty() {
            found.add("legs", &MinimoUnTramo);
        }
        for (n, par) in (1..).zip(self.legs.windows(2)) {
            if let [anterior, leg] = par
                && anterior.destino.es_otro_que(&leg.origen)
            {
                found.add(format!("legs[{n}].origen.codigo"), &TramosDesconectados);
            }
        }
        let legs = found.each("legs", self.legs, LegEscrito::parse);
        found.check(|| Some(Segmento { legs: legs? }))
    }
}

impl LegEscrito {
    fn parse(self) -> Result<Leg, Violations> {
        let mut found = Violations::collect();
        let (salida, llegada) = (to_micros(self.salida), to_micros(self.llegada));
        if llegada <= salida {
            found.add("fecha_llegada", &LlegadaNoPosterior);
        }
        if self.origen.codigo == self.destino.codigo && es_codigo_iata(&self.origen.codigo) {
            found.add("destino.codigo", &RutaInvalida);
        }
        let salida = found.field("fecha_salida", fecha(salida));
        let llegada = found.field("fecha_llegada", fecha(llegada));
        let origen = found.inside("origen", self.origen.parse());
        let destino = found.inside("destino", self.destino.parse());
        found.check(|| Some(Leg { salida: salida?, llegada: llegada?, origen: origen?, destino: destino? }))
    }
}

impl AeropuertoEscrito {
    fn parse(self) -> Result<Aeropuerto, Violations> {
        let mut found = Violations::collect();
        let codigo = found.field("codigo", CodigoIata::parse(&self.codigo));
        let nombre = found.field("nombre", NombreAeropuerto::parse(&self.nombre));
        found.check(|| Some(Aeropuerto { codigo: codigo?, nombre: nombre? }))
    }

    /// Returns true if both are valid codes, and not the same.
    fn es_otro_que(&self, otro: &Self) -> bool {
        self.codigo != otro.codigo && es_codigo_iata(&self.codigo) && es_codigo_iata(&otro.codigo)
    }
}

/// Parses the parts of something, at least one.
fn partes<E, P>(campo: &str, escritas: Vec<E>, parse: fn(E) -> Result<P, Violations>) -> Result<Vec<P>, Violations> {
    let mut found = Violations::collect();
    if escritas.is_empty() {
        found.add(campo, &MinimoUnTramo);
    }
    let partes = found.each(campo, escritas, parse);
    found.check(|| partes)
}

fn fecha(fecha: Timestamp) -> Result<Timestamp, FechaInvalida> {
    if (0..=9999).contains(&fecha.year()) { Ok(fecha) } else { Err(FechaInvalida) }
}

#[cfg(test)]
mod tests {
    use super::{
        super::examples::{SALIDA, itinerario, leg},
        *,
    };

    #[track_caller]
    fn refused(escritos: Vec<Itinerario<LegEscrito>>, expected: &[(&str, &str)]) {
        let refused = Itinerarios::parse(escritos).unwrap_err();
        let told: Vec<_> = refused.iter().map(|broken| (broken.field.as_str(), broken.rule)).collect();
        assert_eq!(told, expected);
    }

    fn de(legs: Vec<LegEscrito>) -> Vec<Itinerario<LegEscrito>> {
        vec![Itinerario { odos: vec![Odo { segmentos: vec![Segmento { legs }] }] }]
    }

    #[test]
    fn the_first_itinerario_decides_the_ruta_and_the_kind_of_flight() {
        for (odos, tipo, ruta) in [
            (vec![&["BOG", "JFK"][..]], TipoVuelo::SoloIda, "BOG-JFK"),
            (vec![&["BOG", "MIA", "JFK"]], TipoVuelo::SoloIda, "BOG-JFK"),
            (vec![&["BOG", "MIA", "BOG"]], TipoVuelo::SoloIda, "BOG-BOG"),
            (vec![&["BOG", "JFK"], &["JFK", "MIA", "BOG"]], TipoVuelo::IdaYVuelta, "BOG-JFK"),
            (vec![&["BOG", "JFK"], &["MIA", "BOG"]], TipoVuelo::IdaYVuelta, "BOG-JFK"),
            (vec![&["BOG", "JFK"], &["JFK", "MDE"]], TipoVuelo::OpenJaw, "BOG-JFK"),
            (vec![&["BOG", "JFK"], &["JFK", "MIA"], &["MIA", "BOG"]], TipoVuelo::OpenJaw, "BOG-JFK"),
        ] {
            let parsed = Itinerarios::parse(vec![itinerario(&odos), itinerario(&[&["LIM", "SCL"]])]).unwrap();
            let told = (parsed.tipo_vuelo(), parsed.ruta().to_string(), parsed.fecha_salida());
            assert_eq!(told, (tipo, ruta.to_owned(), SALIDA), "{odos:?}");
        }
    }

    #[test]
    fn each_broken_rule_is_reported_with_its_path() {
        let path = |field: &str| format!("[0].odos[0].segmentos[0].legs[{field}");
        refused(de(vec![leg("BOG", "BOG", 0)]), &[(&path("0].destino.codigo"), "ruta-valida")]);
        refused(de(vec![leg("bog", "JFK", 0)]), &[(&path("0].origen.codigo"), "codigo-iata")]);
        refused(
            de(vec![leg("BOG", "JFK", 0), leg("MIA", "LIM", 2)]),
            &[(&path("1].origen.codigo"), "tramos-conectados")],
        );
        for llegada in [SALIDA, SALIDA - chrono::TimeDelta::hours(1), SALIDA + chrono::TimeDelta::nanoseconds(999)] {
            let leg = LegEscrito { llegada, ..leg("BOG", "JFK", 0) };
            refused(de(vec![leg]), &[(&path("0].fecha_llegada"), "llegada-posterior")]);
        }
        let mut sin_nombre = leg("BOG", "JFK", 0);
        sin_nombre.destino.nombre = "\0".into();
        refused(de(vec![sin_nombre]), &[(&path("0].destino.nombre"), "nombre-valido")]);
        let antes = LegEscrito { salida: Timestamp::MIN_UTC, ..leg("BOG", "JFK", 0) };
        refused(de(vec![antes]), &[(&path("0].fecha_salida"), "fecha-valida")]);
        let llegada = "9999-12-31T23:59:60Z".parse().unwrap();
        let despues = LegEscrito { llegada, ..leg("BOG", "JFK", 0) };
        refused(de(vec![despues]), &[(&path("0].fecha_llegada"), "fecha-valida")]);
    }

    #[test]
    fn a_leap_second_is_the_second_after_it() {
        let [salida, llegada] = ["2016-12-31T20:00:00Z", "2016-12-31T23:59:60Z"].map(|text| text.parse().unwrap());
        let parsed = Itinerarios::parse(de(vec![LegEscrito { salida, llegada, ..leg("BOG", "JFK", 0) }])).unwrap();
        let leg = &parsed.iter().next().unwrap().odos[0].segmentos[0].legs[0];
        assert_eq!(leg.llegada, "2017-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    }

    #[test]
    fn no_part_is_empty() {
        refused(vec![], &[("", "minimo-un-itinerario")]);
        refused(vec![Itinerario { odos: vec![] }], &[("[0].odos", "minimo-un-tramo")]);
        let odos = vec![Odo { segmentos: vec![] }];
        refused(vec![Itinerario { odos }], &[("[0].odos[0].segmentos", "minimo-un-tramo")]);
        refused(de(vec![]), &[("[0].odos[0].segmentos[0].legs", "minimo-un-tramo")]);
    }

    #[test]
    fn all_broken_rules_are_reported_at_once() {
        let mut escritos = de(vec![leg("BOG", "BOG", 0), leg("mia", "LIM", 2)]);
        escritos.extend([Itinerario { odos: vec![] }, itinerario(&[&["SCL", "EZE"], &["EZE", "1"]])]);
        let expected = [
            ("[0].odos[0].segmentos[0].legs[0].destino.codigo", "ruta-valida"),
            ("[0].odos[0].segmentos[0].legs[1].origen.codigo", "codigo-iata"),
            ("[1].odos", "minimo-un-tramo"),
            ("[2].odos[1].segmentos[0].legs[0].destino.codigo", "codigo-iata"),
        ];
        refused(escritos, &expected);
    }

    #[test]
    fn at_most_100_legs_are_looked_at() {
        let vuelta: Vec<_> = ["BOG", "JFK"].into_iter().cycle().take(101).collect();
        assert!(Itinerarios::parse(vec![itinerario(&[&vuelta])]).is_ok());
        refused(vec![itinerario(&[&vuelta]), itinerario(&[&["bog", "bog"]])], &[("", "maximo-tramos")]);
        refused(vec![Itinerario { odos: vec![] }; 10_000], &[("", "maximo-tramos")]);
        refused(vec![Itinerario { odos: vec![Odo { segmentos: vec![] }; 101] }], &[("", "maximo-tramos")]);
    }
}
