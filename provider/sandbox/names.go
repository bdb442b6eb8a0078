package sandbox

import "strings"

// name is a name with its form in e-mail addresses.
type name struct{ text, slug string }

var (
	femaleNames = listNames(`Abigail Adaeze Aiko Alejandra Amara Amelia Amina Ana Andrea Anika Anna Aria Audrey Ava Ayesha
		Beatriz Bianca Brianna Camila Carmen Caroline Catherine Charlotte Chiara Chloe Claire Clara Daniela Deborah Destiny
		Diana Ebony Elena Eliza Elizabeth Ella Emily Emma Esperanza Esther Eva Evelyn Farah Fatima Faith Freya Gabriela
		Gloria Grace Hailey Hannah Harper Helen Imani Ingrid Irene Isabella Ivy Jada Jasmine Jennifer Jessica Jia Joanna
		Julia Kamala Karen Katherine Keisha Kiara Kimberly Lakshmi Latoya Laura Layla Leah Leilani Leticia Lily Linda Lucia
		Madison Mai Malia Margaret Maria Mariana Maya Mei Melissa Mia Michelle Mina Monica Nadia Naomi Natalia Nia Nicole
		Nina Noor Olivia Paige Paloma Patricia Priya Rachel Rebecca Renee Rosa Ruth Sakura Samira Sandra Sara Shanice
		Simone Sofia Sonia Stella Stephanie Susan Tamika Tara Teresa Thi Valentina Valeria Vanessa Victoria Violet Wanda
		Ximena Yasmin Yolanda Yuki Zahra Zoe`)
	maleNames = listNames(`Aaron Abdul Adam Adrian Ahmed Alan Alberto Alejandro Alexander Amir Andre Andrew Anthony Antonio Arjun
		Arthur Asher Benjamin Bilal Brandon Brian Bruno Caleb Carlos Charles Chen Christopher Cole Connor Damon Daniel
		Darius Darnell David DeShawn Deepak Demetrius Derek Diego Dmitri Dominic Edward Eduardo Elijah Emeka Emilio Eric
		Ethan Evan Felix Fernando Francisco Gabriel George Giovanni Grant Gregory Gustavo Harold Hassan Hector Henry
		Hiroshi Hugo Hung Ian Ibrahim Isaac Isaiah Ivan Jacob Jamal James Javier Jayden Jerome Jesse Joel John Jonathan
		Jorge Joseph Joshua Juan Julian Kai Kareem Keith Kenji Kevin Kofi Kwame Lamar Lars Leon Liam Logan Luis Malik
		Marcus Mario Mark Marquis Mason Matthew Michael Miguel Minh Mohammed Nathan Neil Nicholas Noah Oliver Omar Oscar
		Owen Pablo Patrick Paul Pedro Peter Quang Rafael Raj Ravi Raymond Ricardo Richard Robert Roberto Rohan Ryan Samuel
		Sanjay Santiago Scott Sean Sebastian Steven Tariq Terrence Theodore Thomas Timothy Tomas Trevor Tyrone Victor
		Vikram Vincent Wei William Xavier Yusuf Zachary`)
	neutralNames = listNames(`Alex Ariel Avery Blake Cameron Casey Charlie Dakota Devon Drew Eden Elliot Emerson Finley Hayden
		Jamie Jordan Jules Kendall Lane Logan Morgan Parker Peyton Quinn Reese Remy Riley River Robin Rowan Sage Sam Sasha
		Shiloh Skyler Taylor Tatum`)
	lastNames = listNames(`Abbott Abdi Acosta Adams Adeyemi Aguilar Ahmed Akana Alexander Ali Allen Alvarez Anderson Andrews
		Armstrong Arnold Ayala Bailey Baker Banerjee Banks Barnes Begay Bell Bennett Bergstrom Bishop Black Boateng Booker
		Bowen Boyd Bradley Brooks Brown Bryant Burke Burns Butler Byrne Campbell Cardenas Carlson Carpenter Carr Carroll
		Carter Castillo Castro Chandra Chang Chapman Chavez Chen Cheng Cho Chowdhury Clark Cohen Cole Coleman Collins
		Contreras Cook Cooper Cortez Cox Crawford Cruz Cunningham Daniels Das Davis De_la_Cruz Delgado Desai Diaz Diop Dixon
		Dominguez Duncan Dunn Edwards Ekstrom Ellis Espinoza Estrada Evans Farah Ferguson Fernandez Fields Figueroa Fischer
		Fisher Fleming Flores Ford Foster Fox Francis Franklin Freeman Fuentes Garcia Gardner Garza Gibson Gomez Gonzalez
		Gordon Graham Grant Gray Green Greenberg Griffin Guerrero Gupta Gutierrez Haddad Hall Hamilton Hansen Harper Harris
		Harrison Hart Hassan Hayes Henderson Henry Hernandez Herrera Hicks Hill Ho Hoang Hoffman Holmes Howard Huang Hudson
		Hughes Hunt Hussein Huynh Ibarra Ito Ivanov Iyer Jackson Jacobs James Jensen Jimenez Johansson Johnson Jones Jordan
		Joseph Kahale Kapoor Kaur Keller Kelly Kennedy Khalil Khan Kim King Klein Knight Kowalski Kumar Lam Lane Larson Le
		Lee Leon Levine Lewis Li Lim Lin Liu Long Lopez Lozano Luna Lynch Mahmoud Maldonado Marshall Martin Martinez Mason
		Mathews Mbeki McCarthy McDonald McKenzie Medina Mehta Mejia Mendez Mendoza Meyer Miller Mills Mitchell Mohamed
		Molina Montgomery Moore Morales Moreno Morgan Morris Murphy Murray Myers Nakamura Navarro Nelson Newman Nez Nguyen
		Nichols Novak Nunez O'Brien O'Connor Obi Ochoa Okafor Oliver Olsen Ortega Ortiz Osei Owens Owusu Pacheco Padilla Palmer
		Park Parker Patel Patterson Payne Perez Perkins Perry Peterson Petrov Pham Phillips Pierce Popov Porter Powell
		Price Quinn Ramirez Ramos Rao Reddy Reed Reyes Reynolds Rhodes Rice Richardson Rios Rivera Roberts Robinson
		Rodriguez Rogers Rojas Romero Rosales Rosen Ross Ruiz Russell Ryan Saito Salazar Salinas Sanchez Sanders Sandoval
		Santiago Sato Schmidt Schneider Schwartz Scott Serrano Shah Shapiro Sharma Shaw Silva Simmons Simpson Singh Smith
		Snyder Soto Spencer Stevens Stewart Stone Suarez Sullivan Suzuki Svensson Takahashi Tan Tanaka Taylor Tesfaye
		Thomas Thompson Toledo Torres Tran Tsosie Tucker Turner Valdez Valencia Vang Vargas Vasquez Vega Vu Wade Wagner
		Walker Wallace Walsh Wang Ward Warren Washington Watanabe Watson Weaver Webb Weber Wells West Wheeler White
		Williams Willis Wilson Wong Wood Woods Wright Wu Xiong Yamamoto Yang Yazzie Young Yu Zamora Zhang Zhao Zhou Ziegler`)
	streets = strings.Fields(`Alder Ash Aspen Bayview Beech Birch Bluebird Bramble Briar Brookside Canyon Cedar Cherry Chestnut
		Clover Copper Cottonwood Creekside Cypress Dogwood Elm Fairview Fern Foxglove Garnet Glenwood Hawthorn Hazel Heron
		Hickory Highland Hillcrest Holly Juniper Lakeview Larch Laurel Lilac Linden Locust Magnolia Maple Meadow Mill
		Mulberry Oak Orchard Park Pecan Pine Poplar Prairie Quarry Ridge River Rosewood Sage School Spruce Summit Sunset
		Sycamore Thistle Valley Walnut Willow Windmill Woodland`)
	streetKinds   = []string{" St", " Ave", " Rd", " Ln", " Dr", " Ct", " Way", " Blvd"}
	mailHosts     = []string{"@inbox.example", "@letterbox.example", "@homepost.example", "@dovemail.example"}
	companyFirst  = strings.Fields(`Amber Bluestem Cardinal Cobalt Copperleaf Driftwood Eastgate Fieldstone Foxtail Granite Harborlight Ironwood Juniper Kestrel Larkspur Meridian Northwind Oakline Pinecrest Quillback Redwater Silverfern Tidewell Upland Vireo Westlake Yarrow Zephyr`)
	companySecond = strings.Fields(`Analytics Components Design Dynamics Foods Freight Goods Health Instruments Labs Logistics Manufacturing Materials Outfitters Packaging Partners Robotics Software Supply Systems Textiles Works`)
	bankNames     = []string{"First Prairie Bank", "Harbor & Main Trust", "Lantern Community Bank", "Cascadia Mutual Bank", "Old Mill Savings Bank"}
)

// listNames splits a list at white space; an underscore stands for a space within a name.
func listNames(list string) []name {
	words := strings.Fields(list)
	names := make([]name, len(words))
	for i, word := range words {
		text := strings.ReplaceAll(word, "_", " ")
		names[i] = name{text: text, slug: strings.ToLower(strings.NewReplacer("_", "", "'", "").Replace(word))}
	}
	return names
}
